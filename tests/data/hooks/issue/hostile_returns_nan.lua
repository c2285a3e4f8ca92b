-- expect: not finite
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return { wait = 0 / 0, pending = true }
  end,
}
