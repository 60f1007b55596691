drop index if exists api_key_over_idx;
