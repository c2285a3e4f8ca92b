-- expect: not finite
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return { wait = math.huge, pending = true }
  end,
}
