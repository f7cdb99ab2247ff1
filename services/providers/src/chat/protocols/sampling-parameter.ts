/** Parameters that some protocol or vendor cannot take, by their OpenAI names. */
export type SamplingParameter =
  | 'top_p'
  | 'stop'
  | 'seed'
  | 'presence_penalty'
  | 'frequency_penalty'
  | 'response_format'
  | 'parallel_tool_calls'
  | 'logit_bias'
  | 'tool_choice'
