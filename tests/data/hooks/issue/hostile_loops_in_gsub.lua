-- expect: did not end in time and was stopped
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return (("x"):rep(1000):gsub("x", function() while true do end end))
  end,
}
