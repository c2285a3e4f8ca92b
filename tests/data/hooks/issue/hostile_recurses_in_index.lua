-- expect: loop
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local t = {}
    setmetatable(t, { __index = t })
    return t.x
  end,
}
