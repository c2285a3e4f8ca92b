-- expect: a function value
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return function() end
  end,
}
