-- expect: did not end in time and was stopped
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local t = setmetatable({}, {})
    getmetatable(t).__index = function(self, key) return rawget(self, key) or key + 1 end
    local i = 0
    while i do i = t[i] end
  end,
}
