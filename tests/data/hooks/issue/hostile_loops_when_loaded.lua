-- expect: did not end in time and was stopped
while true do end
