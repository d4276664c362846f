//! Random numbers that are the same for a seed on every machine and in every version: xoshiro256++
//! for bits, the ziggurat method (256 layers) for normal steps.

/// xoshiro256++ by Blackman and Vigna, seeded by SplitMix64.
#[derive(Clone, Debug)]
pub(crate) struct Random([u64; 4]);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let mut state = seed;
        Self(std::array::from_fn(|_| {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ (z >> 31)
        }))
    }

    #[inline]
    pub(crate) fn bits(&mut self) -> u64 {
        let [a, b, c, d] = self.0;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.0 = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// In [0, 1).
    #[inline]
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// In 0..n; `n` is small, so the bias of the multiplication is beneath notice.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }
}

const LAYERS: usize = 256;
/// Where the tail begins, and the area of each layer (Marsaglia and Tsang, 256 layers).
const TAIL: f64 = 3.654_152_885_361_009;
const AREA: f64 = 0.004_928_673_233_992_336;

/// Draws from the normal distribution with mean 0 and deviation 1.
#[derive(Clone, Debug)]
pub(crate) struct Normal {
    x: [f64; LAYERS + 1],
    density: [f64; LAYERS + 1],
}

fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp()
}

impl Normal {
    pub(crate) fn new() -> Self {
        let mut x = [0.0; LAYERS + 1];
        x[0] = AREA / density(TAIL);
        x[1] = TAIL;
        for i in 2..LAYERS {
            x[i] = (-2.0 * (AREA / x[i - 1] + density(x[i - 1])).ln()).sqrt();
        }
        Self { x, density: x.map(density) }
    }

    #[inline]
    pub(crate) fn draw(&self, random: &mut Random) -> f64 {
        loop {
            let bits = random.bits();
            let layer = (bits & 0xff) as usize;
            let x = ((bits >> 11) as f64 * (2.0 / (1u64 << 53) as f64) - 1.0) * self.x[layer];
            if x.abs() < self.x[layer + 1] {
                return x;
            }
            if let Some(x) = self.edge(layer, x, random) {
                return x;
            }
        }
    }

    /// The one draw in a hundred that falls on the edge of a layer or into the tail.
    #[cold]
    fn edge(&self, layer: usize, x: f64, random: &mut Random) -> Option<f64> {
        if layer == 0 {
            loop {
                let a = (1.0 - random.unit()).ln() / TAIL;
                let b = (1.0 - random.unit()).ln();
                if -2.0 * b >= a * a {
                    return Some(if x < 0.0 { a - TAIL } else { TAIL - a });
                }
            }
        }
        let height =
            self.density[layer + 1] + (self.density[layer] - self.density[layer + 1]) * random.unit();
        (height < density(x)).then_some(x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_xoshiro256_plus_plus() {
        // First outputs for the state 1, 2, 3, 4, as in the authors' reference program.
        let mut random = Random([1, 2, 3, 4]);
        let first: Vec<u64> = (0..4).map(|_| random.bits()).collect();
        assert_eq!(first, [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386]);
    }

    #[test]
    fn normal_draws_have_the_moments_and_tails_of_the_normal_distribution() {
        let (normal, mut random) = (Normal::new(), Random::new(7));
        let n = 2_000_000;
        let (mut sum, mut squares, mut fourth) = (0.0, 0.0, 0.0);
        let mut beyond = [0u32; 4];
        for _ in 0..n {
            let x = normal.draw(&mut random);
            sum += x;
            squares += x * x;
            fourth += x.powi(4);
            for (k, count) in beyond.iter_mut().enumerate() {
                *count += u32::from(x > (k + 1) as f64);
            }
        }
        let n = f64::from(n);
        assert!((sum / n).abs() < 0.005, "mean {}", sum / n);
        assert!((squares / n - 1.0).abs() < 0.01, "variance {}", squares / n);
        assert!((fourth / n - 3.0).abs() < 0.05, "fourth moment {}", fourth / n);
        for (count, p) in beyond.into_iter().zip([0.158_655, 0.022_750, 0.001_349_9, 0.000_031_67]) {
            let expected = n * p;
            assert!(
                (f64::from(count) - expected).abs() < 5.0 * expected.sqrt(),
                "{count} beyond, expected {expected}"
            );
        }
    }
}
