/** Functions that only compute: no clock but the transaction's, no files, no settings, no statement in a string. */
const FUNCTIONS = `
  count sum avg min max stddev stddev_pop stddev_samp variance var_pop var_samp corr covar_pop covar_samp
  regr_slope regr_intercept regr_r2 mode percentile_cont percentile_disc bool_and bool_or every string_agg array_agg
  json_agg jsonb_agg
  row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value
  abs ceil ceiling floor round trunc sign mod div power pow sqrt cbrt exp ln log width_bucket
  lower upper initcap length char_length character_length octet_length left right substr substring btrim ltrim rtrim
  replace translate concat concat_ws position strpos split_part reverse starts_with ascii chr regexp_replace
  regexp_match regexp_count like_escape similar_to_escape to_char to_date to_timestamp to_number
  date date_trunc date_part extract age make_date make_interval date_bin timezone now overlaps justify_days
  generate_series unnest array_length cardinality array_to_string string_to_array array_position
  json_build_object jsonb_build_object json_array_length jsonb_array_length`;

const OPERATORS = `
  + - * / % ^ |/ ||/ @ & | # << >>
  = <> != < > <= >=
  || ~ ~* !~ !~* ~~ ~~* !~~ !~~* ^@
  @> <@ && -> ->> #> #>> ?`;

const TYPES = `
  bool int2 int4 int8 numeric float4 float8 text varchar bpchar date time timetz timestamp timestamptz interval
  uuid json jsonb smallint integer bigint boolean real decimal`;

const words = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/).filter((word) => word !== ""));

/** Built-in functions that a query may call. Left out beside all others: what makes a large value of a small one. */
export const ALLOWED_FUNCTIONS = words(FUNCTIONS);

/** Built-in operators that a query may use. */
export const ALLOWED_OPERATORS = words(OPERATORS);

/** Built-in types that a query may cast to. None that looks something up by name, as `regclass` does. */
export const ALLOWED_TYPES = words(TYPES);

/** Columns every table has, which say where a row is stored and who wrote it. */
export const SYSTEM_COLUMNS = words("ctid xmin xmax cmin cmax tableoid oid");
