-- expect: its time was over
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    error(setmetatable({}, { __tostring = function() while true do end end }))
  end,
}
