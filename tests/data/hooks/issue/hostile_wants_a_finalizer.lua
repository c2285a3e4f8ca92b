-- expect: __gc is not to be had
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    setmetatable({}, { __gc = function() while true do end end })
  end,
}
