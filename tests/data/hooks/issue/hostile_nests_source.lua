-- expect: overflow
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return assert(load("return " .. ("("):rep(100000)))()
  end,
}
