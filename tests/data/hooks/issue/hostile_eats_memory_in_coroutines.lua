-- expect: not enough memory
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local t = {}
    while true do
      local co = coroutine.wrap(function() coroutine.yield() end)
      co()
      t[#t + 1] = co
    end
  end,
}
