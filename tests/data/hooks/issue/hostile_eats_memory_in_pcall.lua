-- expect: its time was over
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    while true do
      pcall(function() return ("x"):rep(1 << 30) end)
    end
  end,
}
