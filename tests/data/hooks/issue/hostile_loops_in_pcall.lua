-- expect: did not end in time and was stopped
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    while true do
      pcall(function() while true do end end)
    end
  end,
}
