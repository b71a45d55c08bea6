# Reads with one of R's packages what stands in a list, one thing a line ("what <tab> path <tab> name <tab> index": see
# files.py), and prints one value a line, as text with its line ends escaped.
#
# usage: Rscript reader.R hdf5r|rhdf5|ncdf4 FILE LIST
arguments <- commandArgs(TRUE)
package <- arguments[1]
file <- arguments[2]
suppressMessages(library(package, character.only = TRUE))

# R has the first index of a dataset last, and counts from 1.
element <- function(data, index) do.call(`[`, c(list(data), as.list(rev(index) + 1)))
group_of <- function(path) sub("/[^/]*$", "", path)
last_of <- function(path) sub("^.*/", "", path)

opened <- switch(package, hdf5r = H5File$new(file, "r"), rhdf5 = file, ncdf4 = nc_open(file))

read <- list(
  hdf5r = function(what, path, name, index) {
    if (what == "attribute") return(h5attr(opened[[path]], name))
    data <- opened[[path]]$read(drop = FALSE)
    if (what == "column") data[[name]][index + 1] else if (what == "text") data else element(data, index)
  },
  rhdf5 = function(what, path, name, index) {
    if (what == "attribute") return(h5readAttributes(file, path)[[name]])
    data <- h5read(file, path)
    if (what == "column") data[[name]][index + 1] else if (what == "text") data else element(data, index)
  },
  ncdf4 = function(what, path, name, index) {
    path <- sub("^/", "", path)
    if (what == "attribute") {
      # ncdf4 reads attributes of variables and of the file, not of groups.
      found <- ncatt_get(opened, 0, paste0(path, "/", name))
      if (!found$hasatt) stop("no such attribute")
      return(found$value)
    }
    known <- c(names(opened$var), names(opened$dim))
    if (!(path %in% known)) stop("no such variable")
    data <- ncvar_get(opened, path, collapse_degen = FALSE)
    if (what == "text") data else element(data, index)
  }
)[[package]]

for (line in readLines(arguments[3])) {
  fields <- strsplit(line, "\t")[[1]]
  index <- if (fields[4] == "-") integer(0) else as.integer(strsplit(fields[4], ",")[[1]])
  value <- tryCatch(read(fields[1], fields[2], fields[3], index), error = function(e) paste("error:", conditionMessage(e)))
  text <- if (is.character(value)) value else sprintf("%.17g", as.numeric(value))
  cat(gsub("\n", "\\n", text, fixed = TRUE), "\n", sep = "")
}
