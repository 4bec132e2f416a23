"""The network that makes one grade of the model output variables. Stays out: where those come from (`movs`)."""

from dataclasses import astuple

import numpy as np
from scipy.special import expit

from varemix.evaluation.peaq.movs import ModelOutputVariables

# Each variable, in the order of `ModelOutputVariables`: the range that is scaled to 0..1 and the weights in the
# three hidden nodes (BS.1387-1, Annex 2, 6.2).
_VARIABLES = np.array(
    [
        [393.916656, 921.0, -0.502657, 0.436333, 1.219602],
        [361.965332, 881.131226, 4.307481, 3.246017, 1.123743],
        [-24.045116, 16.212030, 4.984241, -2.211189, -0.192096],
        [1.110661, 107.137772, 0.051056, -1.762424, 4.331315],
        [-0.206623, 2.886017, 2.321580, 1.789971, -0.754560],
        [0.074318, 13.933351, -5.303901, -3.452257, -10.814982],
        [1.113683, 63.257874, 2.730991, -6.111805, 1.519223],
        [0.950345, 1145.018555, 0.624950, -1.331523, -5.955151],
        [0.029985, 14.819740, 3.102889, 0.871260, -5.922878],
        [0.000101, 1.0, -1.051468, -0.939882, -0.142913],
        [0.0, 1.0, -1.804679, -0.503610, -0.620456],
    ]
)
_HIDDEN_BIASES = np.array([-2.518254, 0.654841, -2.207228])
_OUTPUT_WEIGHTS = np.array([-3.817048, 4.107138, 4.629582])
_OUTPUT_BIAS = -0.307594

_LOWEST_GRADE = -3.98
_HIGHEST_GRADE = 0.22


def distortion_index(variables: ModelOutputVariables) -> float:
    """Return the distortion index (DI); higher is better. Source: BS.1387-1, Annex 2, 6.2.

    Variables outside the range that the network was trained on are not limited to it, as the text asks for no limit.
    """
    lowest, highest, *weights = _VARIABLES.T
    scaled = (np.array(astuple(variables)) - lowest) / (highest - lowest)
    hidden = expit(_HIDDEN_BIASES + np.stack(weights) @ scaled)
    return float(_OUTPUT_BIAS + _OUTPUT_WEIGHTS @ hidden)


def objective_difference_grade(index: float) -> float:
    """Return the objective difference grade (ODG), -3.98 to 0.22, of a distortion index. Source: 6.2."""
    return float(_LOWEST_GRADE + (_HIGHEST_GRADE - _LOWEST_GRADE) * expit(index))
