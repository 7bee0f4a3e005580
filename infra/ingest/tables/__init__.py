"""Tables of people's own: whatever columns a spreadsheet, an export or a data set has, read by a map."""
