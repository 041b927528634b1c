"""Where guidance comes from: networks, recordings, controls and files."""

from sage.teachers.networks import NETWORKS as NETWORKS
from sage.teachers.networks import load_images as load_images
from sage.teachers.networks import load_stimuli as load_stimuli
from sage.teachers.networks import train_network as train_network
from sage.teachers.sources import TEACHERS as TEACHERS
from sage.teachers.sources import UNTRAINED as UNTRAINED
from sage.teachers.sources import from_network as from_network
from sage.teachers.sources import from_recordings as from_recordings
from sage.teachers.sources import load_teacher as load_teacher
from sage.teachers.sources import recorded_regions as recorded_regions
from sage.teachers.sources import training_examples as training_examples
