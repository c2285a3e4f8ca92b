-- expect: not enough memory
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return { certificate = ("x"):rep(1 << 30) }
  end,
}
