-- expect: again
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    error(setmetatable({}, { __tostring = function() error("again") end }))
  end,
}
