-- expect: resulting string too large
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return { certificate = ("x"):rep(math.maxinteger) }
  end,
}
