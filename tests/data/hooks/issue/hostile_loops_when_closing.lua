-- expect: did not end in time and was stopped
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local loop = setmetatable({}, { __close = function() while true do end end })
    pcall(coroutine.wrap(function()
      local held <close> = loop
      while true do end
    end))
  end,
}
