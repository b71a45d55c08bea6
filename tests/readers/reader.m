% Reads with Octave what stands in a list, one thing a line ("what <tab> path <tab> name <tab> index": see files.py), and
% prints one value a line, as text with its line ends escaped.
%
% usage: octave-cli reader.m load|ncread FILE LIST
1;

% Octave has the first index of a dataset last, and counts from 1.
function value = element (data, index)
  at = num2cell (fliplr (index) + 1);
  if isvector (data)
    at = {at{1}};
  end
  value = data(at{:});
end

function value = by_load (s, what, path, name, index)
  if any (strcmp (what, {"attribute", "column"}))
    error ("load has no such thing");
  end
  for part = strsplit (path(2:end), "/")
    s = s.(strrep (part{1}, ".", "_"));
  end
  if strcmp (what, "text")
    value = s;
  else
    value = element (s, index);
  end
end

function value = by_ncread (file, what, path, name, index)
  switch what
    case "attribute"
      value = ncreadatt (file, path, name);
    case "value"
      value = element (ncread (file, path), index);
    otherwise
      value = ncread (file, path);
  end
end

arguments = argv ();
warning ("off", "all");
if strcmp (arguments{1}, "load")
  s = load (arguments{2});
else
  pkg load netcdf
end
lines = strsplit (strtrim (fileread (arguments{3})), "\n");
for i = 1:numel (lines)
  f = strsplit (lines{i}, "\t");
  index = [];
  if ! strcmp (f{4}, "-")
    index = str2num (["[" f{4} "]"]);
  end
  try
    if strcmp (arguments{1}, "load")
      value = by_load (s, f{1}, f{2}, f{3}, index);
    else
      value = by_ncread (arguments{2}, f{1}, f{2}, f{3}, index);
    end
    if iscell (value)
      value = value{1};
    end
    if isnumeric (value)
      value = sprintf ("%.17g", double (value));
    end
  catch e
    value = ["error: " e.message];
  end
  value = value(:).';
  printf ("%s\n", strrep (strrep (value, "\n", "\\n"), "\0", ""));
end
