-- expect: it raised a function value
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    error(error)
  end,
}
