/** A text as part of a LIKE pattern in which every character stands for itself. */
export const likePattern = (text: string): string => text.replace(/[\\%_]/g, '\\$&')
