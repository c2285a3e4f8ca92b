-- expect: thread value
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return { certificate = coroutine.create(print) }
  end,
}
