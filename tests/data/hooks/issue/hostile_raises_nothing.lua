-- expect: it raised a nil value
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    error()
  end,
}
