//! Every layer and loss that we train with, against central differences in f64. Run at every
//! upgrade of Candle: wrong gradients there make no noise.

use candle_core::{DType, Device, Result, Tensor, Var};
use learn::{
    nn::{
        convolution::{Windows, convolution},
        dropout::dropout,
        linear::linear,
        loss::{Targets, loss},
        normalization::{batch_norm, layer_norm},
        pooling::{global_average_pool, max_pool},
    },
    random::{Purpose, Random},
};

/// Random values that don't lie near each other or near zero, where a maximum or a kink would make
/// a difference quotient meaningless.
fn values(shape: &[usize], seed: u64) -> Var {
    let count: usize = shape.iter().product();
    let mut random = Random::new(seed, Purpose::Initialization);
    let order = random.permutation(count);
    let jitter = random.uniform(count, 0.2);
    let spread: Vec<f64> = order
        .iter()
        .zip(jitter)
        .map(|(place, jitter)| (*place as f64 + 0.5 + f64::from(jitter) - count as f64 / 2.0) * 3.0 / count as f64)
        .collect();
    Var::from_tensor(&Tensor::from_vec(spread, shape, &Device::Cpu).unwrap()).unwrap()
}

/// Compares the gradient of Σ output·direction with its central differences, for every input value.
fn check(inputs: &[Var], compute: impl Fn(&[Var]) -> Result<Tensor>) {
    let direction = |output: &Tensor| {
        let mut random = Random::new(99, Purpose::Noise);
        let values: Vec<f64> = random.uniform(output.elem_count(), 1.0).into_iter().map(f64::from).collect();
        Tensor::from_vec(values, output.shape(), &Device::Cpu).unwrap()
    };
    let scalar = |inputs: &[Var]| -> Tensor {
        let output = compute(inputs).unwrap();
        (&output * direction(&output)).unwrap().sum_all().unwrap()
    };
    let gradients = scalar(inputs).backward().unwrap();
    for (index, input) in inputs.iter().enumerate() {
        let gradient = gradients.get(input.as_tensor()).unwrap_or_else(|| panic!("input {index} has no gradient"));
        assert_eq!(gradient.dims(), input.dims());
        let gradient: Vec<f64> = gradient.flatten_all().unwrap().to_vec1().unwrap();
        let start: Vec<f64> = input.flatten_all().unwrap().to_vec1().unwrap();
        for place in 0..start.len() {
            let step = 1e-5;
            let at = |shift: f64| -> f64 {
                let mut moved = start.clone();
                moved[place] += shift;
                let moved = Var::from_tensor(&Tensor::from_vec(moved, input.shape(), &Device::Cpu).unwrap()).unwrap();
                let mut inputs = inputs.to_vec();
                inputs[index] = moved;
                scalar(&inputs).to_scalar().unwrap()
            };
            let expected = (at(step) - at(-step)) / (2.0 * step);
            let error = (gradient[place] - expected).abs() / expected.abs().max(1.0);
            assert!(
                error < 1e-6,
                "input {index}, place {place}: the gradient is {}, differences give {expected}",
                gradient[place]
            );
        }
    }
}

#[test]
fn linear_layer() {
    check(&[values(&[4, 3], 1), values(&[5, 3], 2), values(&[5], 3)], |v| linear(&v[0], &v[1], &v[2]));
}

#[test]
fn convolutions() {
    for (kernel, padding, stride) in [(3, 1, 1), (3, 0, 2), (2, 1, 1), (1, 0, 1), (5, 2, 3)] {
        let windows = Windows { kernel, padding, stride };
        check(&[values(&[2, 2, 5, 6], 1), values(&[3, 2, kernel, kernel], 2), values(&[3], 3)], |v| {
            convolution(&v[0], &v[1], &v[2], windows)
        });
    }
}

#[test]
fn convolution_equals_candles_forward() {
    let (x, weight, bias) = (values(&[2, 3, 7, 5], 1), values(&[4, 3, 3, 3], 2), values(&[4], 3));
    let ours = convolution(&x, &weight, &bias, Windows { kernel: 3, padding: 1, stride: 2 }).unwrap();
    let theirs = x.conv2d(&weight, 1, 2, 1, 1).unwrap().broadcast_add(&bias.reshape((1, 4, 1, 1)).unwrap()).unwrap();
    let difference = (ours - theirs).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f64>().unwrap();
    assert!(difference < 1e-12, "they differ by {difference}");
}

#[test]
fn max_pooling_of_even_and_odd_sides() {
    for (height, width, size) in [(4, 4, 2), (5, 7, 2), (7, 6, 3)] {
        check(&[values(&[2, 3, height, width], 1)], |v| max_pool(&v[0], size));
    }
}

#[test]
fn max_pooling_lets_a_nan_through() {
    let x = Tensor::new(&[[[[1f32, 2.0], [f32::NAN, 3.0]]]], &Device::Cpu).unwrap();
    let pooled = max_pool(&x, 2).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert!(pooled[0].is_nan());
}

#[test]
fn average_pooling() {
    check(&[values(&[2, 3, 4, 5], 1)], |v| global_average_pool(&v[0]));
}

#[test]
fn norms() {
    check(&[values(&[5, 7], 1), values(&[7], 2), values(&[7], 3)], |v| layer_norm(&v[0], &v[1], &v[2], 1e-5));
    check(&[values(&[2, 3, 4], 1), values(&[4], 2), values(&[4], 3)], |v| layer_norm(&v[0], &v[1], &v[2], 1e-5));
    check(&[values(&[6, 3], 1), values(&[3], 2), values(&[3], 3)], |v| {
        Ok(batch_norm(&v[0], &v[1], &v[2], 1e-5)?.values)
    });
    check(&[values(&[3, 2, 3, 2], 1), values(&[2], 2), values(&[2], 3)], |v| {
        Ok(batch_norm(&v[0], &v[1], &v[2], 1e-5)?.values)
    });
}

#[test]
fn activations() {
    check(&[values(&[4, 6], 1)], |v| v[0].relu());
    check(&[values(&[4, 6], 1)], |v| v[0].gelu_erf());
}

#[test]
fn dropout_keeps_the_mean_and_its_gradient_is_the_mask() {
    check(&[values(&[6, 5], 1)], |v| dropout(&v[0], 0.4, &mut Random::new(5, Purpose::Noise)));
    let ones = Tensor::ones(100_000, DType::F32, &Device::Cpu).unwrap();
    let dropped = dropout(&ones, 0.3, &mut Random::new(5, Purpose::Noise)).unwrap();
    let mean = dropped.mean_all().unwrap().to_scalar::<f32>().unwrap();
    assert!((mean - 1.0).abs() < 0.01, "the mean became {mean}");
}

#[test]
fn losses_weighted_and_not() {
    for weights in [vec![], vec![0.5, 2.0, 1.0, 3.0]] {
        check(&[values(&[4, 3], 1)], |v| loss(&v[0], &Targets::Classes(vec![0, 2, 1, 1]), &weights));
        check(&[values(&[4, 1], 1)], |v| loss(&v[0], &Targets::Binary(vec![0.0, 1.0, 1.0, 0.0]), &weights));
        check(&[values(&[4, 1], 1)], |v| loss(&v[0], &Targets::Numbers(vec![0.3, -1.0, 2.0, 0.0]), &weights));
        check(&[values(&[4, 1], 1)], |v| {
            loss(&v[0], &Targets::Huber { targets: vec![0.3, -9.0, 2.0, 7.0], delta: 1.0 }, &weights)
        });
    }
}

#[test]
fn losses_are_finite_far_out_and_nan_for_nan() {
    let outputs = |value: f32, width: usize| Tensor::full(value, (1, width), &Device::Cpu).unwrap();
    let one = |outputs: &Tensor, targets: &Targets| loss(outputs, targets, &[]).unwrap().to_scalar::<f32>().unwrap();
    assert_eq!(one(&outputs(-500.0, 1), &Targets::Binary(vec![1.0])), 500.0);
    assert_eq!(one(&outputs(500.0, 1), &Targets::Binary(vec![1.0])), 0.0);
    assert!((one(&outputs(500.0, 4), &Targets::Classes(vec![2])) - 4f32.ln()).abs() < 1e-6);
    assert!(one(&outputs(f32::NAN, 1), &Targets::Binary(vec![1.0])).is_nan());
    assert!(one(&outputs(f32::NAN, 2), &Targets::Classes(vec![1])).is_nan());
}

#[test]
fn a_whole_network_has_right_gradients() {
    let inputs = [
        values(&[3, 1, 6, 6], 1),
        values(&[2, 1, 3, 3], 2),
        values(&[2], 3),
        values(&[18, 18], 4),
        values(&[18], 5),
        values(&[18], 6),
        values(&[18], 7),
        values(&[4, 18], 8),
        values(&[4], 9),
    ];
    check(&inputs, |v| {
        let x = convolution(&v[0], &v[1], &v[2], Windows { kernel: 3, padding: 1, stride: 1 })?.gelu_erf()?;
        let x = max_pool(&x, 2)?.flatten_from(1)?;
        let x = layer_norm(&linear(&x, &v[3], &v[4])?, &v[5], &v[6], 1e-5)?.gelu_erf()?;
        loss(&linear(&x, &v[7], &v[8])?, &Targets::Classes(vec![1, 3, 0]), &[])
    });
}
