-- expect: function value
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return { certificate = print }
  end,
}
