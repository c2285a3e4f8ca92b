-- expect: did not end in time and was stopped
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    error(setmetatable({}, { __tostring = function() while true do end end }))
  end,
}
