-- expect: did not end in time and was stopped
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    xpcall(function() while true do end end, function() while true do end end)
  end,
}
