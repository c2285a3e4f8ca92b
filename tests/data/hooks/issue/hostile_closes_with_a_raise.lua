-- expect: closed badly
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local held <close> = setmetatable({}, { __close = function() error("closed badly") end })
    return true
  end,
}
