/// Okabe and Ito's colours, told apart with every kind of colour vision, on grey images, the blue made brighter.
export const kPalette = ['#56b4e9', '#e69f00', '#00a878', '#f0e442', '#cc79a7', '#d55e00', '#4f8ff0', '#b8e0d2'];

/// The first colour that is used least.
export function next_colour(used: readonly string[]): string {
  const count = (colour: string): number => used.filter((other) => other.toLowerCase() === colour).length;
  return kPalette.reduce((best, colour) => (count(colour) < count(best) ? colour : best));
}
