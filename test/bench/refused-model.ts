/** Models whose names begin so are refused by the upstream at once, as by a vendor whose limit is reached. */
export const refusedModel = 'refused'
