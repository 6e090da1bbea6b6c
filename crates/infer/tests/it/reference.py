# Recorded values of the forward pass: `pip install numpy; python reference.py` prints the constants
# of forwards.rs. Written from the layers' definitions (as in torch's documentation), in float64.
import numpy as np
from math import erf

counter = 0.0
def take(*shape, variance=False):
    global counter
    n = int(np.prod(shape)); out = []
    for _ in range(n):
        counter += 1.0
        v = np.sin(counter)
        out.append(1.0 + abs(v) if variance else v)
    return np.array(out).reshape(shape)

def conv(x, w, b):
    n, c, h, wd = x.shape; p = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    out = np.zeros((n, w.shape[0], h, wd))
    for i in range(h):
        for j in range(wd):
            out[:, :, i, j] = np.tensordot(p[:, :, i:i+3, j:j+3], w, axes=([1, 2, 3], [1, 2, 3])) + b
    return out

w, b = take(2, 1, 3, 3), take(2)
g, s, m, v = take(2), take(2), take(2), take(2, variance=True)
lw, lb = take(3, 8), take(3)
x = np.cos(np.arange(50) * 0.7).reshape(2, 1, 5, 5)
y = conv(x, w, b)
c = lambda t: t.reshape(1, 2, 1, 1)
y = np.maximum((y - c(m)) / np.sqrt(c(v) + 1e-5) * c(g) + c(s), 0)
y = y[:, :, :4, :4].reshape(2, 2, 2, 2, 2, 2).max(axis=(3, 5)).reshape(2, 8)
print("CONVOLUTIONAL", (y @ lw.T + lb).ravel().tolist())

counter = 0.0
w1, b1, g, s, w2, b2 = take(4, 3), take(4), take(4), take(4), take(2, 4), take(2)
x = np.array([[.1, -.2, .3], [1., 2., -3.]])
h = x @ w1.T + b1
h = (h - h.mean(-1, keepdims=True)) / np.sqrt(h.var(-1, keepdims=True) + 1e-5) * g + s
h = h * 0.5 * (1 + np.vectorize(erf)(h / np.sqrt(2)))
print("PERCEPTRON", (h @ w2.T + b2).ravel().tolist())
