-- SPDX-FileCopyrightText: The certauto authors
-- SPDX-License-Identifier: MIT
-- The little of XML that answers of some APIs need: text by the names of elements, whatever stands around them.

local xml = {}

local ENTITIES <const> = { lt = "<", gt = ">", amp = "&", quot = '"', apos = "'" }

-- The text of the first element of that name; attributes, comments and elements of the same name within are not what
-- such APIs send.
function xml.text(text, tag)
  local found = text and text:match("<" .. tag .. ">([^<]*)</" .. tag .. ">")
  return found and (found:gsub("&(%l+);", ENTITIES))
end

-- The bodies of all elements of that name, found without patterns that look back.
function xml.elements(text, tag)
  local list, at = {}, 1
  local open, close = "<" .. tag .. ">", "</" .. tag .. ">"
  while true do
    local _, first = text:find(open, at, true)
    local last, after = text:find(close, first or #text + 1, true)
    if not last then
      return list
    end
    list[#list + 1] = text:sub(first + 1, last - 1)
    at = after + 1
  end
end

function xml.escaped(text)
  return (text:gsub('[&<>"]', { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }))
end

return xml
