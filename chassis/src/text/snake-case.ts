/** A name in camel case as contracts and tables write it: `snake_case`. */
export const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
