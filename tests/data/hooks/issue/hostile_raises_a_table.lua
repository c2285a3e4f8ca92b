-- expect: it raised a table value
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    error({})
  end,
}
