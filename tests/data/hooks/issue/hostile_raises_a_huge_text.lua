-- expect: "raised":"x
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    error(("x"):rep(1000000), 0)
  end,
}
