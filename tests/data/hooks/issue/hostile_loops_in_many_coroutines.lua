-- expect: did not end in time and was stopped
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local function spin()
      while true do
        pcall(coroutine.wrap(function() pcall(spin) end))
      end
    end
    spin()
  end,
}
