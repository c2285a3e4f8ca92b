-- expect: did not end in time and was stopped
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    while true do
      pcall(function() return ("x"):rep(1 << 30) end)
    end
  end,
}
