-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- What a command said last, for a message: without patterns that look back, as its output may be one line of a MiB.

local words = {}

-- The last line that is not blank, or "".
function words.last_line(text)
  local last = ""
  for line in text:gmatch("[^\n]+") do
    if line:find("%S") then
      last = line
    end
  end
  return last
end

-- ": " and the end of that line of the errors, or else of the output if that is given; "" if nothing was said.
function words.of(errors, output)
  local line = words.last_line(errors)
  if line == "" and output then
    line = words.last_line(output)
  end
  line = line:sub(-300):gsub("%s+$", "")
  return line ~= "" and ": " .. line or ""
end

return words
