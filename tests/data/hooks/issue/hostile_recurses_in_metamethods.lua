-- expect: C stack overflow
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local t = setmetatable({}, {})
    getmetatable(t).__index = function(self, key) return self[key .. "x"] end
    return t.x
  end,
}
