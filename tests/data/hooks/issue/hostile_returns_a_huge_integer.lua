-- expect: 2^53
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return { wait = math.maxinteger, pending = true }
  end,
}
