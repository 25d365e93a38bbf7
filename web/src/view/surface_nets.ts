/// A closed surface of a mask by surface nets, smoothed; positions are voxel indices of the crop, i fastest.

export interface Surface {
  positions: Float32Array<ArrayBuffer>; // x, y, z of each vertex
  triangles: Uint32Array<ArrayBuffer>;
}

const kSmoothing = 12;

/// `mask` has one byte per voxel and an empty border all around.
export function surface_of(mask: Uint8Array, [ni, nj, nk]: readonly [number, number, number]): Surface {
  const step = [1, ni, ni * nj] as const;
  const vertex_of = new Int32Array(mask.length).fill(-1);
  const positions: number[] = [];
  for (let k = 0; k + 1 < nk; k += 1) {
    for (let j = 0; j + 1 < nj; j += 1) {
      for (let i = 0; i + 1 < ni; i += 1) {
        const at = i + step[1] * j + step[2] * k;
        const inside = mask[at]! + mask[at + 1]! + mask[at + ni]! + mask[at + ni + 1]! + mask[at + step[2]]! + mask[at + step[2] + 1]! + mask[at + step[2] + ni]! + mask[at + step[2] + ni + 1]!;
        if (inside === 0 || inside === 8) continue;
        vertex_of[at] = positions.length / 3;
        const [x, y, z] = mean_crossing(mask, at, step);
        positions.push(i + x, j + y, k + z);
      }
    }
  }
  const triangles = quads(mask, vertex_of, [ni, nj, nk], step);
  return { positions: smoothed(Float32Array.from(positions), triangles), triangles };
}

/// Of the cell's edges that leave the mask, the mean of their middles.
function mean_crossing(mask: Uint8Array, at: number, step: readonly [number, number, number]): [number, number, number] {
  const sum: [number, number, number] = [0, 0, 0];
  let count = 0;
  for (let axis = 0; axis < 3; axis += 1) {
    const a = (axis + 1) % 3;
    const b = (axis + 2) % 3;
    for (let n = 0; n < 4; n += 1) {
      const da = n & 1;
      const db = n >> 1;
      const from = at + da * step[a]! + db * step[b]!;
      if (mask[from] === mask[from + step[axis]!]) continue;
      sum[axis]! += 0.5;
      sum[a]! += da;
      sum[b]! += db;
      count += 1;
    }
  }
  return [sum[0] / count, sum[1] / count, sum[2] / count];
}

/// Two triangles, seen anticlockwise from outside, across each grid edge between inside and outside.
function quads(mask: Uint8Array, vertex_of: Int32Array, size: readonly [number, number, number], step: readonly [number, number, number]): Uint32Array<ArrayBuffer> {
  const found: number[] = [];
  for (let k = 1; k < size[2]; k += 1) {
    for (let j = 1; j < size[1]; j += 1) {
      for (let i = 1; i < size[0]; i += 1) {
        const at = i + step[1] * j + step[2] * k;
        const ijk = [i, j, k];
        for (let axis = 0; axis < 3; axis += 1) {
          if (ijk[axis]! + 1 >= size[axis]!) continue;
          const here = mask[at]!;
          if (here === mask[at + step[axis]!]) continue;
          const a = step[(axis + 1) % 3]!;
          const b = step[(axis + 2) % 3]!;
          const corner = [vertex_of[at]!, vertex_of[at - a]!, vertex_of[at - a - b]!, vertex_of[at - b]!];
          const [p, q, r, s] = here ? corner : corner.reverse();
          found.push(p!, q!, r!, p!, r!, s!);
        }
      }
    }
  }
  return Uint32Array.from(found);
}

/// Taubin's smoothing: a step that shrinks, a step that swells.
function smoothed(positions: Float32Array<ArrayBuffer>, triangles: Uint32Array): Float32Array<ArrayBuffer> {
  const count = positions.length / 3;
  const neighbours = new Uint16Array(count);
  const sum = new Float32Array(positions.length);
  for (let n = 0; n < kSmoothing; n += 1) {
    const weight = n % 2 === 0 ? 0.55 : -0.57;
    neighbours.fill(0);
    sum.fill(0);
    for (let t = 0; t < triangles.length; t += 3) {
      for (let side = 0; side < 3; side += 1) {
        const a = triangles[t + side]!;
        const b = triangles[t + ((side + 1) % 3)]!;
        neighbours[a]! += 1;
        for (let axis = 0; axis < 3; axis += 1) sum[3 * a + axis]! += positions[3 * b + axis]!;
      }
    }
    for (let v = 0; v < count; v += 1) {
      if (neighbours[v] === 0) continue;
      for (let axis = 0; axis < 3; axis += 1) {
        const at = 3 * v + axis;
        positions[at]! += weight * (sum[at]! / neighbours[v]! - positions[at]!);
      }
    }
  }
  return positions;
}
