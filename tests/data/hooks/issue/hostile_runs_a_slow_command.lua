-- expect: did not end in time
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return require 'certauto.exec'.run('sleep 1000')
  end,
}
