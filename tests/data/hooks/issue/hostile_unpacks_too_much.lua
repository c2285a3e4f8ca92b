-- expect: too many results
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return table.unpack({}, 1, 10000000)
  end,
}
