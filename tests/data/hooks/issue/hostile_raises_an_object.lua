-- expect: it has a text
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    error(setmetatable({}, { __tostring = function() return "it has a text" end }))
  end,
}
