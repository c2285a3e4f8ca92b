-- expect: a string value
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return "-----BEGIN CERTIFICATE-----"
  end,
}
