-- expect: more than 4 MiB
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return { certificate = ("x"):rep(5 * 1024 * 1024) }
  end,
}
