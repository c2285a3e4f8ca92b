-- expect: did not end in time and was stopped
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local held <close> = setmetatable({}, { __close = function() while true do end end })
    error("first")
  end,
}
